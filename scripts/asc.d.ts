/**
 * What we use of the AssemblyScript compiler. Its own types declare globals that change ours (`Array.at`
 * never undefined), so tsconfig.json points here instead.
 */
export function main(
  args: readonly string[],
  options?: {
    readonly readFile?: (name: string, folder: string) => string | null
    readonly writeFile?: (name: string, data: string | Uint8Array, folder: string) => void
    readonly listFiles?: (folder: string, base: string) => string[] | null
    readonly stdout?: { write(text: string): void }
    readonly stderr?: { write(text: string): void }
  },
): Promise<{
  readonly error: Error | null
  readonly stdout: { toString(): string }
  readonly stderr: { toString(): string }
}>
