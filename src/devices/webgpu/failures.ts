/** WebGPU reports most errors later. The first one is kept here until a call of the device can throw it. */
import { DeviceError } from '../../errors.ts'

export class Failures {
  readonly #device: GPUDevice
  /**
   * All checks so far, one after the other: explanations take time, and what failed first must be reported
   * first.
   */
  #checks: Promise<void> = Promise.resolve()
  readonly #waiting = new Set<(error: DeviceError) => void>()
  #first: DeviceError | undefined
  /** Set once the device is gone: every call fails from then on. */
  #end: DeviceError | undefined

  constructor(device: GPUDevice) {
    this.#device = device
    void device.lost.then(({ reason, message }) => this.#lose(reason, message))
    device.addEventListener('uncapturederror', (event) => {
      event.preventDefault()
      this.add(failureOf(event.error))
    })
  }

  /** Throws what went wrong since the last call. Once the device is gone, it always throws. */
  throwAny(): void {
    if (this.#end) throw this.#end
    const first = this.#first
    if (!first) return
    this.#first = undefined
    throw first
  }

  add(error: DeviceError): void {
    this.#first ??= error
  }

  /** The device will not be used any more. */
  close(error: DeviceError): void {
    this.#end ??= error
    for (const reject of this.#waiting) reject(this.#end)
    this.#waiting.clear()
  }

  /** Runs `body`, and checks later whether it failed. `explain` may give the error better words. */
  watch<T>(
    filter: GPUErrorFilter,
    body: () => T,
    explain: (error: GPUError, result: T) => DeviceError | Promise<DeviceError> = failureOf,
  ): T {
    this.#device.pushErrorScope(filter)
    let scope: Promise<GPUError | null>
    let result: T
    try {
      result = body()
    } finally {
      scope = this.#device.popErrorScope()
      // A lost device has no scopes to give back.
      scope.catch(() => undefined)
    }
    this.#checks = this.#look(this.#checks, scope, (error) => explain(error, result))
    return result
  }

  async #look(
    before: Promise<void>,
    scope: Promise<GPUError | null>,
    explain: (error: GPUError) => DeviceError | Promise<DeviceError>,
  ): Promise<void> {
    await before
    const error = await scope.catch(() => null)
    if (error) this.add(await explain(error))
  }

  /**
   * Waits for the promise, and rejects if the device goes before it settles. Then throws what went wrong
   * until now.
   */
  async settle<T>(promise: Promise<T>): Promise<T> {
    const result = await this.#orEnd(promise)
    await this.#orEnd(this.#checks)
    this.throwAny()
    return result
  }

  #orEnd<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#end) {
        reject(this.#end)
        promise.catch(() => undefined)
        return
      }
      this.#waiting.add(reject)
      promise.then(resolve, (cause: unknown) => {
        reject(
          this.#end ??
            this.#first ??
            new DeviceError('the GPU did not finish', { found: String(cause), cause }),
        )
      })
      promise.then(
        () => this.#waiting.delete(reject),
        () => this.#waiting.delete(reject),
      )
    })
  }

  #lose(reason: string, message: string): void {
    this.close(
      new DeviceError('the GPU device was lost', {
        found: [reason, message].filter((part) => part && part !== 'unknown').join(': ') || 'no reason given',
        hint: 'Memory on it is gone: open a device again and load from a checkpoint. Smaller batches keep the GPU from running into time or memory limits',
      }),
    )
  }
}

function failureOf(error: GPUError): DeviceError {
  if (isOutOfMemory(error)) return outOfMemory()
  return new DeviceError('WebGPU refused a command', { found: error.message, cause: error })
}

export function outOfMemory(bytes?: number): DeviceError {
  return new DeviceError('the GPU is out of memory', {
    ...(bytes === undefined ? {} : { found: `a buffer of ${bytes} bytes could not be made` }),
    hint: 'Make batch or length smaller, dispose of what is not needed, or use smaller weights',
  })
}

function isOutOfMemory(error: GPUError): boolean {
  return error.constructor.name === 'GPUOutOfMemoryError'
}
