#!/usr/bin/env zx
// The local Debian machines that the default inventory and the tests run on: up, down, status, ssh.
import { commands } from '#capstan'

await commands.sandbox()
