/**
 * `sidewinder/whole`: `sidewinder` and `sidewinder/train` as one file that loads no other. It is for workers
 * that a bundler makes one file of, and for pages that serve the package as it is.
 */
export * from './index.ts'
export * from './train.ts'
