// The clients that cannot run here: their frames are recorded, and replayed by
// `tests/clients-recorded`.

import { DOTNET } from './dotnet.mjs';
import { JAVA } from './java.mjs';
import { SWIFT } from './swift.mjs';

export const RECORDED = [JAVA, DOTNET, SWIFT];
