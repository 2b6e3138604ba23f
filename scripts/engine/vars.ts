export { command } from './vars/command.ts'
export { choice, group, list, optional, record } from './vars/compounds.ts'
export { environmentValue } from './vars/environment.ts'
export type { Field } from './vars/field.ts'
export { flag, integer, number, port } from './vars/numbers.ts'
export type { Site } from './vars/site.ts'
export {
  bytes,
  domain,
  duration,
  email,
  identifier,
  ipAddress,
  multiline,
  path,
  seconds,
  secret,
  text,
} from './vars/texts.ts'
export { type Problem, type Vars, type VarsOf, vars } from './vars/vars.ts'
