import t from 'tap'
import { lookUp, pointer, pointerParts, printPointer } from './pointer.ts'

// RFC 6901, section 5.
const DOCUMENT = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'c%d': 2, 'm~n': 8, '~1': 9 }

t.test('names are escaped, and found again', t => {
  t.equal(pointer(), '')
  t.equal(pointer('mounts', 3), '/mounts/3')
  t.equal(pointer('a/b'), '/a~1b')
  t.equal(pointer('m~n'), '/m~0n')
  t.equal(pointer('~1'), '/~01')
  for (const key of Object.keys(DOCUMENT)) t.same(pointerParts(pointer(key, 0)), [key, '0'], key)
  t.end()
})

t.test('values are looked up', t => {
  t.equal(lookUp(DOCUMENT, ''), DOCUMENT)
  t.equal(lookUp(DOCUMENT, '/foo/1'), 'baz')
  t.equal(lookUp(DOCUMENT, '/'), 0)
  t.equal(lookUp(DOCUMENT, '/a~1b'), 1)
  t.equal(lookUp(DOCUMENT, '/~01'), 9)
  for (const absent of ['/foo/2', '/foo/bar', '/none/at/all', '/constructor', '/foo/length/x', '/__proto__']) {
    t.equal(lookUp(DOCUMENT, absent), undefined, absent)
  }
  t.end()
})

t.test('what is no pointer is refused', t => {
  for (const text of ['foo', '/a~2', '/a~']) t.throws(() => pointerParts(text), RangeError, text)
  t.end()
})

t.test('a pointer is printed with its file', t => {
  t.equal(printPointer('/mounts/3'), 'config.json#/mounts/3')
  t.equal(printPointer('', 'state.json'), 'state.json#')
  t.end()
})
