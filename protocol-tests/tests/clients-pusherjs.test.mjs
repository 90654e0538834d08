// Every build of pusher-js over WebSockets: in Node, in a page and in a worker.

import { pusherJsOver } from '../clients/live.mjs';
import { testFeatures } from '../lib/pusherjs-features.mjs';

testFeatures(pusherJsOver('ws'));
