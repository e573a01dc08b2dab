/** What a model that is saved may take the place of. Loaded when something is saved. */
import { parseConfigText } from '../../checkpoints/config.ts'
import { MAX_CONFIG, openFolder } from '../../checkpoints/files.ts'
import { CheckpointError, SidewinderError } from '../../errors.ts'
import { readConfig } from '../published.ts'
import type { SaveTarget } from './folder.ts'

/** What a model is read from. */
const OF_A_MODEL =
  /^(model.*\.safetensors(\.index\.json)?|pytorch_model.*|tokenizer(_config)?\.json|chat_template\.jinja|generation_config\.json)$/

/**
 * For a model that is about to be written as files of these names; `overwrite` as in SaveOptions.
 *
 * @throws CheckpointError if a run is there, files that would be read in place of these or with them, or
 *   files of the same names that may not be replaced
 */
export async function expectReplaceable(
  target: SaveTarget,
  names: ReadonlySet<string>,
  overwrite: boolean | undefined,
): Promise<void> {
  const where = typeof target === 'string' ? target : 'files'
  const there = await (await openFolder(target)).list()
  const ofAModel = there.filter((name) => OF_A_MODEL.test(name))
  const others = ofAModel.filter((name) => !names.has(name))
  const same = there.filter((name) => names.has(name))
  if (there.includes('run.json') || (overwrite !== false && others.length > 0)) {
    throw new CheckpointError('files of another model are there', {
      where,
      found: listed(others.length > 0 ? others : ['run.json']),
      hint: 'Choose a new folder',
    })
  }
  const taken = overwrite === false ? [...new Set([...same, ...ofAModel])] : same
  if (overwrite === true || taken.length === 0) return
  if (overwrite === undefined && (await holdsModel(target))) return
  throw new CheckpointError('what would be written is there already', {
    where,
    found: listed(taken),
    hint: 'Choose a new folder, or give `overwrite: true` (--force) to replace the files',
  })
}

const listed = (names: readonly string[]): string => names.slice(0, 5).join(', ')

/** Whether a folder has the config.json of a model that we read. */
export async function holdsModel(target: SaveTarget): Promise<boolean> {
  const folder = await openFolder(target)
  const name = 'config.json'
  if (!(await folder.has(name))) return false
  try {
    readConfig(parseConfigText(await folder.text(name, MAX_CONFIG), name), name, () => {})
    return true
  } catch (error) {
    if (error instanceof SidewinderError) return false
    throw error
  }
}
