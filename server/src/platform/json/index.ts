export { isNestedDeeperThan, jsonDepthMax } from './depth.ts';
