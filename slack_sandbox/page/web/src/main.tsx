import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { live } from "./live";
import { App } from "./shell/App";
import { startTheme } from "./theme";
import "./styles/index.css";

startTheme();
live.connect();
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
