export { type Card, cardSources, cards, findCard } from "./cards.ts";
export {
  type DispatchPrediction,
  type LayerPrediction,
  type Limit,
  type ModelPrediction,
  predictModel,
} from "./predict.ts";
