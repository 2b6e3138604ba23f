import { role } from '#engine/converge/role.ts'
import vars from './vars.ts'

export default role(import.meta, { vars, tasks() {} })
