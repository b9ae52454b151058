import t from 'tap'
import { scrub } from './scrub.ts'

t.test('lines vanish from memory that is written to, however they are encoded', t => {
  const lines = ['user:x:1000:1000:Jörg:/home/user:/bin/sh', 'short', 'root:x:0:0:root:/root:/bin/bash']
  const text = [...lines, ...lines].join('\n')
  const encoded = [Buffer.from(text), Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')]
  const bytes = Buffer.concat([Buffer.alloc(7, 1), ...encoded, Buffer.alloc(7, 1)])
  const contents = [2n, 1n].map(protection => ({ address: 0n, length: 0n, protection, bytes: Uint8Array.from(bytes) }))
  scrub(contents, lines)
  const [written, read] = contents.map(content => Buffer.from(content.bytes))
  for (const encoding of ['utf8', 'latin1'] as const)
    t.same(
      lines.map(line => written?.includes(Buffer.from(line, encoding))),
      [false, true, false],
    )
  t.notOk(written?.includes(Buffer.from(lines[0] ?? '', 'utf16le')))
  t.equal(written?.length, bytes.length)
  t.ok(read?.equals(bytes))
  t.end()
})
