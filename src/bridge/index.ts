export { endWithParent } from "./parent.ts";
export { serveBridge } from "./serve.ts";
