/** The files of the model that the test has put beside the page. */
export async function modelFiles() {
  const files = new Map()
  for (const name of ['config.json', 'model.safetensors']) {
    files.set(name, await (await fetch(`/model/${name}`)).blob())
  }
  return files
}
