/** Every scenario, in the order of the report. */
import type { Scenario } from "../scenario";
import { crashes } from "./crashes";
import { ends } from "./ends";
import { examples } from "./examples";
import { files } from "./files";
import { images } from "./images";
import { limits } from "./limits";
import { logs } from "./logs";
import { many } from "./many";
import { python } from "./python";
import { stops } from "./stops";
import { values } from "./values";

export const scenarios: Scenario[] = [...ends, ...stops, ...limits, ...logs, ...values, ...files, ...images, ...python, ...examples, ...crashes, ...many];
