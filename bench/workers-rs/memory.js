// Runs in workerd, before a Worker: finds its wasm memory, no matter what code creates the instance.

const { Instance } = WebAssembly;
export let memory;

WebAssembly.Instance = function (...args) {
  const instance = new Instance(...args);
  memory = instance.exports.memory;
  return instance;
};
