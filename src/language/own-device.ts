import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { openDevice } from '../ops/open-device.ts'

/**
 * Makes a model on a device, which is opened first if only its name is given. The model then owns it: whoever
 * opens, ends, also if the model cannot be made.
 */
export async function withModel<M extends Model>(
  device: AnyDevice | DeviceName | 'auto',
  make: (device: AnyDevice) => M | Promise<M>,
): Promise<M> {
  if (typeof device !== 'string') return make(expectDevice(device))
  const opened = await openDevice(device)
  try {
    const model = await make(opened)
    model.ownDevice()
    return model
  } catch (error) {
    opened.destroy()
    throw error
  }
}

function expectDevice(device: AnyDevice): AnyDevice {
  if ((device as AnyDevice | null)?.heap) return device
  throw new ConfigError('not a device', {
    where: 'device',
    expected: 'what openDevice gives, or its name',
    found: device,
  })
}
