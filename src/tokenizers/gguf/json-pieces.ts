/** JSON text in pieces, as `JSON.stringify` has it: that of a large vocabulary takes megabytes at once. */

/** Maps are objects. Values that JSON lacks are not looked for. */
export function* jsonPieces(value: unknown): Generator<string> {
  if (Array.isArray(value)) {
    yield* joined('[', value as unknown[], jsonPieces, ']')
  } else if (value instanceof Map) {
    yield* joined('{', inObjectOrder(value as ReadonlyMap<string, unknown>), memberPieces, '}')
  } else if (typeof value === 'object' && value !== null) {
    yield* joined('{', Object.entries(value), memberPieces, '}')
  } else yield JSON.stringify(value)
}

type Member = readonly [key: string, value: unknown]

function* memberPieces([key, value]: Member): Generator<string> {
  yield `${JSON.stringify(key)}:`
  yield* jsonPieces(value)
}

function* joined<Item>(
  open: string,
  items: Iterable<Item>,
  pieces: (item: Item) => Iterable<string>,
  close: string,
): Generator<string> {
  let before = open
  for (const item of items) {
    yield before
    yield* pieces(item)
    before = ','
  }
  yield before === open ? open + close : close
}

/** Objects have keys that are indices first, by size. */
function* inObjectOrder(map: ReadonlyMap<string, unknown>): Generator<Member> {
  const indices = [...map.keys()].filter(isIndex).toSorted((a, b) => Number(a) - Number(b))
  for (const key of indices) yield [key, map.get(key)]
  for (const member of map) if (!isIndex(member[0])) yield member
}

const isIndex = (key: string): boolean => /^(0|[1-9]\d{0,9})$/.test(key) && Number(key) < 2 ** 32 - 1
