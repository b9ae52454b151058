// The tests of the manager and its limits again on cgroup v2.
import { testInView } from './fixtures/v2-view.ts'

for (const name of ['cgroup', 'limits']) testInView(new URL(`./${name}.test.js`, import.meta.url))
