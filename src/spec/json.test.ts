import t from 'tap'
import { decodeText, JsonError, MAX_DEPTH, parseDocument, rounded } from './json.ts'

const parseJson = (text: string): unknown => parseDocument(text).value

/** A large integer makes sure that our own reader is used, not the engine's. */
const read = (text: string): unknown => (parseJson(`[${text}, 9007199254740993]`) as unknown[])[0]

const message = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (error instanceof JsonError) return error.hint ? `${error.message} (${error.hint})` : error.message
    throw error
  }
  return 'no error'
}

t.test('both readers agree with JSON.parse', t => {
  const texts = [
    '{}',
    '[]',
    '[[],{"a":{}}]',
    ' { "a" : [ 1 , -2.5e3 , 1E+2, 0, -0, true , false , null ] } ',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00"',
    '"\\\\"',
    '["\\\\\\"", "a"]',
    '{"a":1,"a":2}',
    '{"__proto__":{"polluted":1},"constructor":2}',
    '"é😀"',
    '123456789.000001',
    '1e400',
  ]
  for (const text of texts) {
    t.same(parseJson(text), JSON.parse(text), text)
    t.same(read(text), JSON.parse(text), `ours: ${text}`)
  }
  t.end()
})

t.test('integers beyond 2^53 are exact', t => {
  t.equal(parseJson('18446744073709551615'), 18446744073709551615n)
  t.equal(parseJson('-9223372036854775808'), -9223372036854775808n)
  t.equal(parseJson('9007199254740993'), 9007199254740993n)
  t.equal(parseJson('9007199254740991'), 9007199254740991)
  t.equal(parseJson('1e19'), 10000000000000000000n)
  t.same(parseJson('{"a":[9223372036854775807, 1]}'), { a: [9223372036854775807n, 1] })
  t.equal(typeof parseJson('9'.repeat(100_000)), 'number', 'a bigint of any length is not made')
  t.end()
})

t.test('rounding keeps the order with powers of two', t => {
  const below = (value: bigint, limit: number) => (rounded(value) as number) < limit
  t.ok(below(2n ** 64n - 1n, 2 ** 64))
  t.notOk(below(2n ** 64n, 2 ** 64))
  t.ok(below(2n ** 63n - 1n, 2 ** 63))
  t.notOk(below(2n ** 63n, 2 ** 63))
  t.notOk(below(-(2n ** 63n), -(2 ** 63)))
  t.ok(below(-(2n ** 63n) - 1n, -(2 ** 63)))
  t.same(rounded({ a: [2n ** 60n, 'x'], b: null }), { a: [2 ** 60, 'x'], b: null })
  t.end()
})

t.test('__proto__ is a name like any other', t => {
  for (const tail of ['', ',"n":9007199254740993']) {
    const value = parseJson(`{"__proto__":{"polluted":1}${tail}}`) as Record<string, unknown>
    t.equal(value.polluted, undefined)
    t.ok(Object.hasOwn(value, '__proto__'))
    t.equal((rounded(value) as Record<string, unknown>).polluted, undefined)
  }
  t.equal(({} as Record<string, unknown>).polluted, undefined)
  t.end()
})

t.test('mistakes are told with their place', t => {
  const cases: [string, RegExp][] = [
    ['', /^the file is empty$/],
    [' \n ', /^the file is empty$/],
    ['{', /line 1, column 2 \(offset 1\): found the end of the text, expected a name .* line 1, column 1 .*cut off/],
    ['{"a": [1, 2', /offset 11\): found the end of the text, expected ',' or '\]' of what opens at line 1, column 7/],
    ['{"a"', /expected ':'/],
    ['{\n  "a": 1,\n}', /line 3, column 1 \(offset 12\): found '}'.*remove the comma/],
    ['[1,]', /column 4.*found ']', expected a value .remove the comma/],
    ['{"a": 1 "b": 2}', /column 9 .*found '"', expected ',' or '}'/],
    ["{'a': 1}", /found '''.*double quotes/],
    ['{"a": 1} // x', /found '\/', expected the end of the text .*no comments/],
    ['{"a": nul}', /found 'n', expected a value/],
    ['{"a": nullx}', /found 'n', expected a value/],
    ['[01]', /01 is not a number/],
    ['[1.]', /1\. is not a number/],
    ['[-]', /- is not a number/],
    ['[NaN]', /found 'N'/],
    ['"abc', /column 1 .*not closed/],
    ['"a\nb"', /line 1, column 3 .*U\+000A is not allowed in a string/],
    ['"a\\x"', /the escape \\x is not allowed/],
    ['"\\u12"', /the escape \\u is not allowed/],
    ['\u0000\u0001', /found the character U\+0000, expected a value/],
    ['{"a":1}{', /expected the end of the text/],
  ]
  for (const [text, expected] of cases)
    t.match(
      message(() => parseJson(text)),
      expected,
      JSON.stringify(text),
    )
  t.end()
})

t.test('whatever JSON.parse refuses is refused with a place', t => {
  const valid = '{"a": [1, -2.5e3, true, "x\\u00e9\\"y"], "b": {"c": null}}'
  for (let cut = 0; cut < valid.length; cut++) {
    for (const text of [
      valid.slice(0, cut),
      valid.slice(0, cut) + valid.slice(cut + 1),
      `${valid.slice(0, cut)}\u0001`,
    ]) {
      let isValid = true
      try {
        JSON.parse(text)
      } catch {
        isValid = false
      }
      const found = message(() => parseJson(text))
      if (isValid ? found !== 'no error' : !/^line \d+, column \d+ |empty/.test(found)) t.fail(`${text}: ${found}`)
    }
  }
  t.pass('all variants agree')
  t.end()
})

t.test('nesting is bounded, at any depth of text', t => {
  t.ok(parseJson('['.repeat(MAX_DEPTH) + ']'.repeat(MAX_DEPTH)))
  for (const depth of [MAX_DEPTH + 1, 5000, 1_000_000]) {
    t.match(
      message(() => parseJson('['.repeat(depth) + ']'.repeat(depth))),
      /nested more than/,
      `${depth} arrays`,
    )
    t.match(
      message(() => parseJson('{"a":'.repeat(depth))),
      /nested more than/,
      `${depth} objects, cut off`,
    )
  }
  t.end()
})

t.test('hostile texts take no long time', t => {
  const start = performance.now()
  const size = 200_000
  for (const text of [
    `"${'\\"'.repeat(size)}`,
    `["${'\\\\'.repeat(size)}", 9007199254740993]`,
    `[${' '.repeat(size)}]x`,
    `[${'1'.repeat(size)}x`,
    `{${'"a":1,'.repeat(size)}}`,
  ]) {
    message(() => parseJson(text))
  }
  t.ok(performance.now() - start < 3000)
  t.end()
})

t.test('bytes that are no text are told apart', t => {
  const bytes = (...values: number[]) => Uint8Array.from(values)
  t.equal(decodeText(new TextEncoder().encode('{"é":1}')), '{"é":1}')
  t.match(
    message(() => decodeText(bytes())),
    /the file is empty/,
  )
  t.match(
    message(() => decodeText(bytes(0xff, 0xfe, 0x7b, 0))),
    /UTF-16.*save it as UTF-8/,
  )
  t.match(
    message(() => decodeText(bytes(0xfe, 0xff, 0, 0x7b))),
    /UTF-16/,
  )
  t.match(
    message(() => decodeText(bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d))),
    /byte order mark/,
  )
  t.match(
    message(() => decodeText(bytes(0x7b, 0x22, 0xc3, 0x28))),
    /byte 0xc3 at offset 2 is not UTF-8/,
  )
  t.match(
    message(() => decodeText(bytes(0x7f, 0x45, 0x4c, 0x46, 0x02, 0x80, 0xff))),
    /byte 0x80 at offset 5/,
  )
  t.end()
})
