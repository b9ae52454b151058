// An image of one busybox for `ctr image import`, made in memory: an OCI image layout (image-spec, image-layout.md) in a
// tar archive (ustar), two images that share a layer and differ in their user. No compression: busybox is all there is.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export const BUSYBOX = '/bin/busybox'

const APPLETS = [
  'cat',
  'chmod',
  'dd',
  'echo',
  'env',
  'grep',
  'head',
  'hostname',
  'id',
  'ls',
  'mount',
  'pwd',
  'readlink',
  'sh',
  'sleep',
  'stat',
  'stty',
  'tail',
  'touch',
  'true',
  'tty',
  'wc',
]

interface Entry {
  readonly name: string
  readonly mode: number
  readonly content?: Uint8Array
  /** Where a symbolic link leads. */
  readonly link?: string
}

const BLOCK = 512
const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`

/** ustar: name 100 │ mode 8 │ uid 8 │ gid 8 │ size 12 │ mtime 12 │ sum 8 │ type 1 │ link 100 │ magic 6 │ version 2 … */
function header({ name, mode, content, link }: Entry): Buffer {
  const type = link !== undefined ? '2' : name.endsWith('/') ? '5' : '0'
  const block = Buffer.alloc(BLOCK)
  const fields: readonly (readonly [number, string])[] = [
    [0, name],
    [100, octal(mode, 8)],
    [108, octal(0, 8)],
    [116, octal(0, 8)],
    [124, octal(content?.length ?? 0, 12)],
    [136, octal(0, 12)],
    [148, ' '.repeat(8)],
    [156, type],
    [157, link ?? ''],
    [257, 'ustar\x0000'],
  ]
  for (const [at, text] of fields) block.write(text, at, 'latin1')
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 7)} `, 148, 'latin1')
  return block
}

function tar(entries: readonly Entry[]): Buffer {
  const parts = entries.flatMap(entry => {
    const content = entry.content ?? new Uint8Array()
    return [header(entry), content, Buffer.alloc(-content.length & (BLOCK - 1))]
  })
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)])
}

const layer = (): Buffer =>
  tar([
    { name: 'bin/', mode: 0o755 },
    { name: 'bin/busybox', mode: 0o755, content: readFileSync(BUSYBOX) },
    ...APPLETS.map(name => ({ name: `bin/${name}`, mode: 0o777, link: 'busybox' })),
    { name: 'etc/', mode: 0o755 },
    { name: 'etc/passwd', mode: 0o644, content: Buffer.from('root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n') },
    { name: 'etc/group', mode: 0o644, content: Buffer.from('root:x:0:\nuser:x:1000:\n') },
    { name: 'etc/plain', mode: 0o644, content: Buffer.from('not a program\n') },
    { name: 'tmp/', mode: 0o1777 },
  ])

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

class Layout {
  readonly #files: Entry[] = [
    { name: 'oci-layout', mode: 0o644, content: Buffer.from('{"imageLayoutVersion":"1.0.0"}') },
    { name: 'blobs/', mode: 0o755 },
    { name: 'blobs/sha256/', mode: 0o755 },
  ]
  readonly #names = new Set<string>()

  add(mediaType: string, content: Uint8Array): Descriptor {
    const digest = createHash('sha256').update(content).digest('hex')
    const name = `blobs/sha256/${digest}`
    if (!this.#names.has(name)) this.#files.push({ name, mode: 0o644, content })
    this.#names.add(name)
    return { mediaType, digest: `sha256:${digest}`, size: content.length }
  }

  addJson(mediaType: string, value: unknown): Descriptor {
    return this.add(mediaType, Buffer.from(JSON.stringify(value)))
  }

  archive(index: unknown): Buffer {
    return tar([...this.#files, { name: 'index.json', mode: 0o644, content: Buffer.from(JSON.stringify(index)) }])
  }
}

const TYPE = 'application/vnd.oci.image'

/** The users are those of the configs, by image name. */
export function imageArchive(users: Readonly<Record<string, string>>): Buffer {
  const layout = new Layout()
  const content = layout.add(`${TYPE}.layer.v1.tar`, layer())
  const manifests = Object.entries(users).map(([name, User]) => {
    const config = layout.addJson(`${TYPE}.config.v1+json`, {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { User, Env: ['PATH=/bin'], WorkingDir: '/', Cmd: ['/bin/true'] },
      rootfs: { type: 'layers', diff_ids: [content.digest] },
    })
    const manifest = { schemaVersion: 2, mediaType: `${TYPE}.manifest.v1+json`, config, layers: [content] }
    const descriptor = layout.addJson(manifest.mediaType, manifest)
    return { ...descriptor, annotations: { 'io.containerd.image.name': name } }
  })
  return layout.archive({ schemaVersion: 2, manifests })
}
