// The copies that few mounts ask for, as one module, loaded only for them: a plan is given it (PlanOptions.copying).
export { planLink } from './copied-link.ts'
export { copyUp } from './copy-up.ts'
