export const whyNoGpu = (): string | undefined => undefined
