/** Targets that are classes, and the cross-entropy of logits for them. */
import { IGNORE } from '../data/batch.ts'
import { nameOf, type SequenceRecord } from '../data/records.ts'
import { ShapeError } from '../errors.ts'
import { crossEntropy, reshape } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { arrayOf, expectRange, place } from './inputs.ts'
import type { TargetPart, Tensors } from './task.ts'

/**
 * `labels` i32: a class for each sequence [B], or for each position [B, L]; -100 where none is known. `of`
 * gives a record's label at a position (0 for that of a sequence), undefined where there is none.
 */
export function labelTargets(
  each: 'sequence' | 'position',
  of: (record: SequenceRecord, position: number) => number | undefined,
): TargetPart {
  const perRow = (length: number): number => (each === 'sequence' ? 1 : length)
  return {
    fields: ({ batch, length }) => ({
      labels: { dtype: 'i32', shape: each === 'sequence' ? [batch] : [batch, length] },
    }),

    write(batch, row, part, { length, outputs }) {
      const labels = arrayOf(batch, 'labels')
      const size = perRow(length)
      labels.fill(IGNORE, row * size, (row + 1) * size)
      if (!part) return
      const { record, from, to } = part
      const [begin, end] = each === 'sequence' ? [0, 1] : [from, to]
      for (let i = begin; i < end; i++) {
        const label = of(record, i) ?? IGNORE
        if (!Number.isInteger(label) || ((label < 0 || label >= outputs) && label !== IGNORE))
          throw wrongLabel(`${nameOf(record)}${each === 'sequence' ? '' : `, position ${i}`}`, outputs, label)
        labels[row * size + i - begin] = label
      }
    },

    count(batch, { length, outputs }) {
      const labels = arrayOf(batch, 'labels')
      const where = (i: number): string => (each === 'sequence' ? `labels[${i}]` : place('labels', i, length))
      expectRange(labels, outputs, 'label outside the classes', where, IGNORE)
      let count = 0
      for (const label of labels) if (label !== IGNORE) count++
      return count
    },
  }
}

/** Mean cross-entropy in nats of logits [..., classes] over the labels [...] that are not -100. */
export function labelLoss(y: Tensor, { labels }: Tensors): Tensor {
  const logits = reshape(y, [labels.size, y.width])
  return crossEntropy({ logits, labels: reshape(labels, [labels.size]) }, { ignoreIndex: IGNORE }).loss
}

function wrongLabel(where: string, classes: number, found: number): ShapeError {
  return new ShapeError('label outside the classes', {
    where,
    expected: `0 to ${classes - 1}, or ${IGNORE} for none`,
    found,
  })
}
