import { ShapeError } from '../../errors.ts'
import { dims, expectRank, expectShape } from '../../tensor/shape.ts'
import type { LtiDiagonalInputs } from './diagonal/types.ts'
import type { LtiMode } from './types.ts'

/** Throws unless the parameters fit together. */
export function checkMode(where: string, { logDt, aRe, aIm, bRe, bIm, cRe, cIm, D }: LtiMode): void {
  expectRank(`${where}: aRe`, aRe.shape, 2)
  const perMode = { aIm, bRe, bIm, cRe, cIm }
  for (const [name, x] of Object.entries(perMode)) if (x) expectShape(`${where}: ${name}`, x.shape, aRe.shape)
  for (const [name, x] of Object.entries({ logDt, D })) {
    if (x) expectShape(`${where}: ${name}`, x.shape, [aRe.shape[0]])
  }
  for (const [name, x] of Object.entries({ bIm, cIm })) if (x && !aIm) throw strayImaginary(where, name)
}

/** Throws unless input, states and reset mask fit the parameters. */
export function checkSequence(
  where: string,
  { u, aRe, aIm, initialRe, initialIm, reset }: LtiDiagonalInputs,
): { readonly batch: number; readonly length: number; readonly channels: number; readonly modes: number } {
  const [batch, length] = dims(u, 3, `${where}: u`)
  const [channels, modes] = dims(aRe, 2)
  expectShape(`${where}: u`, u.shape, [batch, length, channels])
  if (initialRe) expectShape(`${where}: initialRe`, initialRe.shape, [batch, channels, modes])
  if (initialIm) expectShape(`${where}: initialIm`, initialIm.shape, [batch, channels, modes])
  if (initialIm && !aIm) throw strayImaginary(where, 'initialIm')
  if (initialIm && !initialRe)
    throw new ShapeError('is there without initialRe', { where: `${where}: initialIm` })
  if (reset) expectShape(`${where}: reset`, reset.shape, [batch, length])
  return { batch, length, channels, modes }
}

function strayImaginary(where: string, name: string): ShapeError {
  return new ShapeError('is there, but the system is real', {
    where: `${where}: ${name}`,
    hint: 'A complex system has aIm; it may be zero',
  })
}
