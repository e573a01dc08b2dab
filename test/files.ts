/**
 * Reads a file of this repository that has an extension (`test/fixtures/….json`), in Node and in the browser.
 */
export async function readTestFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof window !== 'undefined') {
    const response = await fetch(`/${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`)
    return new Uint8Array(await response.arrayBuffer())
  }
  const { readFile } = await import('node:fs/promises')
  return new Uint8Array(await readFile(new URL(`../${path}`, import.meta.url)))
}
