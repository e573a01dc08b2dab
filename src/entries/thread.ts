/** `sidewinder/thread`: what a thread of the wasm device runs, as a file that pages can serve. */
import { serve } from '../devices/wasm/thread.ts'

serve()
