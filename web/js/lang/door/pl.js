export default {
  needed: "Potrzebny jest link",
  unknown: "Ten link donikąd nie prowadzi",
  expired: "Ten link wygasł",
  revoked: "Ten link został zamknięty",
  showsOnly: "Ten link służy tylko do oglądania",
  locked: "Jakie jest hasło?",
  away: "Zaraz wracamy",
  offline: "Brak połączenia",
  password: "Hasło",
  show: "Pokaż",
  hide: "Ukryj",
  enter: "Dalej",
  checking: "Sprawdzam…",
  enterIn: "Ponownie za {time}",
  enterNow: "Można już spróbować ponownie.",
  tryAgain: "Spróbuj ponownie",
  language: "Język",
  errors: {
    link_needed: "Otwórz link albo zeskanuj kod otrzymany od gospodarzy.",
    link_unknown:
      "Może po drodze zgubił się jego kawałek. Otwórz go jeszcze raz z wiadomości lub kodu albo poproś gospodarzy o nowy.",
    link_expired:
      "Jego czas minął. To, co dotarło, jest bezpieczne. Masz coś jeszcze? Poproś gospodarzy o nowy link.",
    link_revoked:
      "Gospodarze go zamknęli. To, co dotarło, jest bezpieczne. Masz coś jeszcze? Poproś ich o nowy link.",
    link_no_upload:
      "Gospodarze nie pozwolili dodawać zdjęć. Poproś, aby włączyli to dla tego linku.",
    password_required: "Przyszło razem z linkiem; jeśli nie, zapytaj gospodarzy.",
    password_wrong: "To nie to hasło. Zwróć uwagę na wielkie litery i spróbuj ponownie.",
    rate_limited: "Za dużo prób. Poczekaj chwilę.",
    cookies:
      "Hasło się zgadza, ale przeglądarka go nie zapamiętuje. Zezwól na pliki cookie i spróbuj ponownie.",
    offline: "Sprawdź połączenie. Strona sama próbuje dalej.",
    internal: "Serwer gospodarzy jest teraz nieosiągalny. Strona sama próbuje dalej.",
  },
};
