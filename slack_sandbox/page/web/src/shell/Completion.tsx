/** What is offered while one types a mention or a command. */

export interface Offer {
  id: string;
  /** What is put into the text. */
  put: string;
  name: string;
  hint: string;
}

interface Props {
  id: string;
  offers: Offer[];
  chosen: number;
  onChoose: (index: number) => void;
  onTake: (offer: Offer) => void;
}

/** The list above the field; the keyboard stays in the field. */
export function Completion({ id, offers, chosen, onChoose, onTake }: Props) {
  return (
    <ul id={id} role="listbox" aria-label="Suggestions" className="options completion">
      {offers.map((offer, index) => (
        <li
          key={offer.id}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === chosen}
          onMouseMove={() => onChoose(index)}
          onMouseDown={(event) => {
            event.preventDefault();
            onTake(offer);
          }}
        >
          <span>{offer.name}</span>
          {offer.hint && <small>{offer.hint}</small>}
        </li>
      ))}
    </ul>
  );
}
