import { expect, test } from 'vitest'
import { crc32InScript, crc32Of } from './crc32.ts'

test('the CRC-32 of the platform and of the script are the same', async () => {
  const data = Uint8Array.from({ length: 1003 }, (_, i) => (i * i * 7) & 255)
  const source = {
    size: data.length,
    read: (start: number, end: number) => Promise.resolve(data.slice(start, end)),
  }
  for (const start of [0, 1, 2, 3]) {
    for (const end of [3, 4, 16, 17, 18, 19, 20, 36, 1003]) {
      const [part, want] = [data.subarray(start, end), await crc32Of(source, start, end)]
      expect(crc32InScript(part)).toBe(want)
      expect(crc32InScript(part.subarray(9), crc32InScript(part.subarray(0, 9)))).toBe(want)
    }
  }
  expect(crc32InScript(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
})
