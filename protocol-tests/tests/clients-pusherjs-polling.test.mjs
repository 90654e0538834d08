// pusher-js over `xhr_polling`: in Node, in a page and in a worker.

import { pusherJsOver } from '../clients/live.mjs';
import { testFeatures } from '../lib/pusherjs-features.mjs';

testFeatures(pusherJsOver('xhr_polling'));
