/** Training: optimizers, schedules and the loop. */
export { version } from '../../package.json'
