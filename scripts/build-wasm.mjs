// Compiles src/**/wasm.as.ts into src/devices/wasm/generated.
console.log('build:wasm: no kernels yet')
