// pusher-js over `xhr_streaming`: in Node, in a page and in a worker.

import { pusherJsOver } from '../clients/live.mjs';
import { testFeatures } from '../lib/pusherjs-features.mjs';

testFeatures(pusherJsOver('xhr_streaming'));
