/**
 * The key of the method that `using` calls at the end of a block. Engines that have no `Symbol.dispose` yet
 * get the symbol that tools put in its place.
 */
export const DISPOSE: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for('Symbol.dispose')
