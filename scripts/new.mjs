#!/usr/bin/env zx
// Creates a role with vars, a template and a test: npx zx scripts/new.mjs role redis
import { commands } from '#capstan'

await commands.create()
