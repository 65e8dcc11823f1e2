/** How an element is used: its value, and sending it to the app. */
import { useContext, useRef, useState } from "react";
import { live } from "../../live";
import { complain } from "../../notices";
import { acting } from "../../place";
import type { Json } from "../../types";
import { confirmed } from "../Confirm";
import { setField, useField, valuesOf } from "../form";
import { FailureContext, ScopeContext, type Scope } from "../target";

/** What every element is given. */
export interface ElementProps {
  element: Json;
  /** The id of the block it stands in. */
  block: string;
  /** Whether each use goes to the app at once; otherwise it is a field that is sent with its form. */
  acts: boolean;
  /** What ties it to the label, hint and error of its input block. */
  labels: Labels;
}

/** The attributes of a field in an input block, or its name elsewhere. */
export interface Labels {
  id?: string;
  "aria-label"?: string;
  "aria-labelledby"?: string;
  "aria-describedby"?: string;
  "aria-invalid"?: boolean;
  "aria-required"?: boolean;
}

/** What came of sending it to the app; `failed` ones may have reached it all the same. */
export type Outcome = "done" | "failed" | "declined";

/** An element in use. */
export interface Use {
  scope: Scope;
  value: any;
  busy: boolean;
  /** Change the value without sending it to the app. */
  set: (value: any) => void;
  /** Send it to the app, once the person has confirmed it. Once at a time: nothing is sent while another act is under way. */
  act: (value?: any) => Promise<Outcome>;
  /** Change the value, and send it to the app where the element does so at once; one that is not confirmed is taken back. */
  choose: (value: any) => Promise<void>;
}

/** The value of an element and how it is changed. */
export function useElement({ element, block, acts }: Omit<ElementProps, "labels">): Use {
  const scope = useContext(ScopeContext);
  const fail = useContext(FailureContext) ?? complain;
  const value = useField(scope, block, element);
  const [busy, setBusy] = useState(false);
  const under = useRef(false);

  const set = (next: any) => setField(scope, block, element.action_id, next);

  const act = async (given?: any): Promise<Outcome> => {
    if (under.current) return "declined";
    under.current = true;
    try {
      if (!(await confirmed(element.confirm))) return "declined";
      setBusy(true);
      const to = { as: acting(), ...scope.target, block_id: block, action_id: String(element.action_id) };
      await live.ask("act", { ...to, ...(given === undefined ? {} : { value: given }), values: valuesOf(scope) });
      return "done";
    } catch (error) {
      fail(error);
      return "failed";
    } finally {
      under.current = false;
      setBusy(false);
    }
  };

  const choose = async (next: any): Promise<void> => {
    if (under.current) return;
    const before = value;
    set(next);
    if (acts && (await act(next)) === "declined") set(before ?? (Array.isArray(next) ? [] : ""));
  };

  return { scope, value, busy, set, act, choose };
}
