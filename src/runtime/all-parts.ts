// For the library and for tests: every part of parts.ts, loaded at once.
import * as intelRdt from './intel-rdt.ts'
import * as netDevices from './net-devices.ts'
import { provide } from './parts.ts'

provide({ intelRdt, netDevices })
