// Runs in workerd, before a Worker: its wasm memory, whoever makes the instance.

const { Instance } = WebAssembly;
export let memory;

WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memory = instance.exports.memory;
  return instance;
};
