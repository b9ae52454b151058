// Text tables as Go's tabwriter lays them out for `runc list`: columns at least 12 wide, 3 spaces between, the last
// one not padded. Scripts cut these columns.
const LEAST_WIDTH = 12
const PADDING = 3

export function textTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (let column = 0; column < row.length; column++)
      widths[column] = Math.max(widths[column] ?? LEAST_WIDTH, (row[column] ?? '').length + PADDING)
  let text = ''
  for (const row of rows) {
    const last = row.length - 1
    for (let column = 0; column < last; column++) text += (row[column] ?? '').padEnd(widths[column] ?? 0)
    text += `${row[last] ?? ''}\n`
  }
  return text
}
