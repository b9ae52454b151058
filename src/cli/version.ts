// What --version prints. Docker takes the name and number around the word "version" of the first line, and the lines
// "commit: " and "spec: " behind it.
export const VERSION = '0.1.0'
const SPEC_VERSION = '1.3.0'

const ENGINES = ['bun', 'node', 'v8'] as const

/** Whether this process has gone on from the snapshot in the executable (snapshot.ts). */
let isFromSnapshot = false
export function noteSnapshot(): void {
  isFromSnapshot = true
}

export function versionText(): string {
  const engines = ENGINES.filter(name => process.versions[name] !== undefined)
  return [
    `tsrunc version ${VERSION}`,
    `commit: v${VERSION}`,
    `spec: ${SPEC_VERSION}`,
    ...engines.map(name => `${name}: ${process.versions[name]}`),
    ...(process.versions.bun === undefined ? [] : [`start: ${isFromSnapshot ? 'from a snapshot' : 'ordinary'}`]),
  ].join('\n')
}
