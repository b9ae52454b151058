// On cgroup v2 alone init makes its namespaces while the host still makes the group: its life, and every op that may fail.
import { testInView } from '../cgroup/fixtures/v2-view.ts'

for (const name of ['life-cycle', 'faults']) testInView(new URL(`./${name}.test.js`, import.meta.url))
