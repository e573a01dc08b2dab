// The child's side of a conversation in lines: an order a line in, an answer a line out. Lines without the
// mark are chatter of libraries.
import { createInterface } from 'node:readline'

export const MARK = '@answer '

const answer = (/** @type {object} */ value) =>
  process.stdout.write(
    `${MARK}${JSON.stringify(value, (_, each) => (each instanceof Float32Array ? base64(each) : each))}\n`,
  )

const base64 = (/** @type {Float32Array} */ { buffer, byteOffset, byteLength }) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('base64')

/**
 * Says who it is, then obeys until the input ends.
 * @param {string} description
 * @param {Record<string, (order: any) => Promise<object>>} orders
 */
export async function obey(description, orders) {
  answer({ description })
  for await (const line of createInterface({ input: process.stdin })) {
    const { order, ...rest } = JSON.parse(line)
    try {
      answer((await orders[order]?.(rest)) ?? { error: `no order ${order}` })
    } catch (error) {
      answer({ error: String(error) })
    }
  }
}
