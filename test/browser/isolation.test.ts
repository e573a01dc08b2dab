import { expect, test } from 'vitest'

test('the page is cross-origin isolated, so that WASM threads can share memory', async () => {
  expect(crossOriginIsolated).toBe(true)
  const shared = new Int32Array(new SharedArrayBuffer(8))
  const body = 'onmessage = ({ data }) => { Atomics.wait(data, 0, 0); postMessage(Atomics.add(data, 1, 41)) }'
  const worker = new Worker(URL.createObjectURL(new Blob([body], { type: 'text/javascript' })))
  const answer = new Promise<number>((resolve) => (worker.onmessage = ({ data }) => resolve(data)))
  worker.postMessage(shared)
  Atomics.store(shared, 1, 1)
  Atomics.store(shared, 0, 1)
  Atomics.notify(shared, 0)
  expect(await answer).toBe(1)
  expect(Atomics.load(shared, 1)).toBe(42)
  worker.terminate()
})

test('the page has WebGPU', async () => {
  expect(await navigator.gpu.requestAdapter()).not.toBeNull()
})
