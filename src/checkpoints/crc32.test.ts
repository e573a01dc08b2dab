import { expect, test } from 'vitest'
import { crc32InScript, crc32Of } from './crc32.ts'

test('the CRC-32 of the platform and of the script are the same', async () => {
  const data = Uint8Array.from({ length: 1003 }, (_, i) => (i * i * 7) & 255)
  const source = {
    size: data.length,
    read: (start: number, end: number) => Promise.resolve(data.slice(start, end)),
  }
  for (const end of [0, 1, 7, 8, 9, 1003]) {
    expect(crc32InScript(data.subarray(0, end))).toBe(await crc32Of(source, 0, end))
  }
  expect(crc32InScript(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
})
