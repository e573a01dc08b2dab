import { nodeModule } from '../../platform.ts'

/**
 * Whether the Vulkan loader is missing (Linux), without which Dawn finds no GPU. Dawn notices that itself,
 * but it writes a warning to the error stream of every process that asks.
 */
export function lacksVulkan(): boolean {
  const { process } = globalThis
  if (process.platform !== 'linux') return false
  const loader = 'libvulkan.so.1'
  const { existsSync } = nodeModule('node:fs')
  const folders = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '')
  const usual = [
    '/usr/lib',
    '/usr/lib64',
    '/usr/local/lib',
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/aarch64-linux-gnu',
  ]
  if ([...folders, ...usual].some((folder) => existsSync(`${folder}/${loader}`))) return false
  try {
    const { execFileSync } = nodeModule('node:child_process')
    return !execFileSync('/sbin/ldconfig', ['-p'], { encoding: 'utf8', stdio: 'pipe' }).includes(loader)
  } catch {
    return false
  }
}
