import { unpack } from '../scripts/chromium.mjs'

export default async function setup(): Promise<void> {
  await unpack('chromium')
}
