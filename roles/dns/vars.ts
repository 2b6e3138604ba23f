import { vars } from '#engine/vars.ts'

export default vars({})
