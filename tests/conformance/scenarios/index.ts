/** Every scenario, in the order of the report. */
import type { Scenario } from "../scenario";
import { clusterAccess } from "./cluster-access";
import { clusterEnds } from "./cluster-ends";
import { clusterStarts } from "./cluster-starts";
import { crashes } from "./crashes";
import { elsewhere } from "./elsewhere";
import { ends } from "./ends";
import { examples } from "./examples";
import { files } from "./files";
import { flows } from "./flows";
import { images } from "./images";
import { kueue } from "./kueue";
import { limits } from "./limits";
import { logs } from "./logs";
import { many } from "./many";
import { python } from "./python";
import { storage } from "./storage";
import { stops } from "./stops";
import { values } from "./values";

export const scenarios: Scenario[] = [...ends, ...stops, ...limits, ...logs, ...values, ...files, ...flows, ...images, ...elsewhere, ...python, ...examples, ...crashes, ...many, ...clusterStarts, ...clusterEnds, ...clusterAccess, ...kueue, ...storage];
