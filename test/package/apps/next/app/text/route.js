import { join } from 'node:path'
import { loadModel } from 'sidewinder'

export const dynamic = 'force-dynamic'

export async function GET() {
  const model = await loadModel(join(process.cwd(), 'public/model'), { device: 'wasm' })
  let text = ''
  for await (const piece of model.session().generate('Call me', { maxTokens: 12, temperature: 0 }))
    text += piece
  model.device.destroy()
  return new Response(text)
}
