// Text tables as Go's tabwriter lays them out for `runc list`: columns at least 12 wide, 3 spaces between, the last
// one not padded. Scripts cut these columns.
const LEAST_WIDTH = 12
const PADDING = 3

export function textTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(LEAST_WIDTH, ...rows.map(row => (row[column] ?? '').length + PADDING)),
  )
  const line = (row: readonly string[]) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('')
  return rows.map(row => `${line(row)}\n`).join('')
}
