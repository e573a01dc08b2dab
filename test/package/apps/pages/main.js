/** Runs the page that the address names, and leaves what came out where the test finds it. */
const pages = {
  loading: () => import('./loading.js'),
  training: () => import('./training.js'),
  working: () => import('./working.js'),
}

const name = new URLSearchParams(location.search).get('page')
pages[name]()
  .then(({ run }) => run())
  .catch((error) => ({ error: String(error) }))
  .then((result) => (globalThis.finished = result))
