//! The names of the crowd: common ones, put together by chance; whoever bears one of them is not meant.

/// A country with its names.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Country {
    /// ISO 3166.
    pub(in super::super) code: &'static str,
    pub(in super::super) city: &'static str,
    pub(super) language: &'static str,
    /// How many of a hundred people live there.
    pub(super) weight: usize,
    /// Hours that its clocks are ahead of UTC in winter.
    pub(in super::super) offset: i64,
    /// Twenty-five, a space between them. No given name is in two countries: it tells where somebody is from.
    pub(super) given: &'static str,
    /// Twenty-five as well.
    pub(super) family: &'static str,
}

/// Where people live.
pub(in super::super) const COUNTRIES: [Country; 8] = [
    Country {
        code: "SE",
        city: "Gothenburg",
        language: "sv-SE",
        weight: 30,
        offset: 1,
        given: "Alva Astrid Birgitta Bjorn Cajsa Ebba Elsa Fredrik Gunnar Gustav Hedvig Ingela Johan \
            Karin Lennart Linnea Magnus Malin Nils Oskar Pernilla Ragnar Sigrid Tuva Viktoria",
        family: "Ahlberg Backlund Dahlgren Ekstrom Forsberg Granqvist Hedlund Isaksson Jonsson Kjellberg Lundgren Moberg Nordin \
            Oberg Palm Rosenqvist Sandell Tornqvist Ullman Vallin Wikstrom Akerman Berglund Ceder Stenmark",
    },
    Country {
        code: "DE",
        city: "Hamburg",
        language: "de-DE",
        weight: 20,
        offset: 1,
        given: "Annika Bernd Carsten Dieter Elke Florian Gerda Hannelore Ilse Jens Klaus Lieselotte Manfred \
            Norbert Otto Petra Rainer Sabine Thorsten Ursula Volker Wiebke Heike Ulrich Friederike",
        family: "Albrecht Baumann Clausen Dietrich Engelhardt Franke Gerlach Hartmann Ihde Jansen Kessler Lehmann Mertens \
            Niemeyer Ostermann Pohl Reuter Seidel Thiele Uhlig Vogt Wegner Zander Brandt Scholz",
    },
    Country {
        code: "US",
        city: "Columbus",
        language: "en-US",
        weight: 18,
        offset: -5,
        given: "Ashley Brandon Caitlin Derek Emily Frank Grace Hunter Irene Jordan Kimberly Logan Madison \
            Nathan Olivia Preston Quinn Rachel Shawn Tiffany Valerie Wesley Brooke Travis Heather",
        family: "Abbott Barrett Caldwell Donovan Ellison Fletcher Garner Holloway Ingram Jennings Keller Lawson Maddox \
            Norris Osborne Patterson Quigley Ramsey Sawyer Tucker Underwood Vaughn Whitaker York Bradshaw",
    },
    Country {
        code: "PL",
        city: "Gdansk",
        language: "pl-PL",
        weight: 10,
        offset: 1,
        given: "Agnieszka Bartosz Czeslaw Dorota Edyta Filip Grazyna Halina Iwona Jacek Krzysztof Lukasz Malgorzata \
            Natalia Oliwia Piotr Renata Slawomir Teresa Urszula Wojciech Zofia Marek Jolanta Kamil",
        family: "Adamczyk Borkowski Cieslak Duda Gajewski Jablonski Kaminska Laskowski Majewski Nowicki Olszewski Pawlak Rutkowski \
            Sikora Tomczak Urban Walczak Zawadzki Czarnecki Malinowski Szulc Wrobel Gorski Krol Baran",
    },
    Country {
        code: "IN",
        city: "Pune",
        language: "en-IN",
        weight: 9,
        offset: 5,
        given: "Aarav Bhavna Chitra Deepak Esha Farhan Gayatri Harish Indira Jyoti Kiran Lakshmi Manoj \
            Nandini Omkar Pooja Rajesh Sanjana Tarun Uma Vikram Yamini Arjun Kavita Suresh",
        family: "Agarwal Bhatt Chaudhary Deshmukh Gokhale Iyer Joshi Kulkarni Lal Mehta Naidu Oberoi Patil \
            Rao Saxena Thakur Upadhyay Verma Wagh Yadav Bhandari Menon Pillai Shetty Trivedi",
    },
    Country {
        code: "FR",
        city: "Lyon",
        language: "fr-FR",
        weight: 6,
        offset: 1,
        given: "Amelie Bastien Celine Damien Elodie Fabrice Guillaume Helene Isabelle Julien Laurent Margaux Nicolas \
            Odette Pascal Quentin Remi Sylvie Thibault Veronique Yvette Corentin Lucie Mathilde Benoit",
        family: "Aubert Bonnet Chevalier Delacroix Etienne Fontaine Garnier Hubert Joly Lambert Mercier Noel Olivier \
            Perrin Renaud Simonet Tessier Vasseur Blanchard Carpentier Dufour Guerin Leroux Masson Roussel",
    },
    Country {
        code: "ES",
        city: "Zaragoza",
        language: "es-ES",
        weight: 4,
        offset: 1,
        given: "Alejandro Beatriz Carmen Diego Esperanza Fernando Gonzalo Hugo Ines Javier Lorena Manuel Nuria \
            Pablo Raquel Sergio Tomas Veronica Ximena Yolanda Alvaro Consuelo Emilio Pilar Rosario",
        family: "Aguilar Blanco Castillo Delgado Espinosa Fuentes Gallego Herrero Iglesias Jimeno Lozano Molina Navarro \
            Ortega Pascual Quintana Rubio Serrano Vidal Zamora Cabrera Dominguez Marin Redondo Soler",
    },
    Country {
        code: "BR",
        city: "Curitiba",
        language: "pt-BR",
        weight: 3,
        offset: -3,
        given: "Adriana Bruno Camila Danilo Eduarda Fabiana Gabriela Heitor Isadora Juliano Larissa Murilo Nayara \
            Otavio Patricia Renan Silvana Thiago Vinicius Wagner Caio Leticia Raissa Matheus Jussara",
        family: "Almeida Barbosa Cardoso Duarte Esteves Ferreira Gomes Holanda Lacerda Machado Nogueira Oliveira Pacheco \
            Queiroz Ribeiro Siqueira Teixeira Vasconcelos Xavier Azevedo Brito Campos Freitas Medeiros Rezende",
    },
];

/// Where guests come from: some whose second factor is trusted here, and some whose is not.
pub(in super::super) const TRUSTED_HOMES: [&str; 2] = ["partner.example", "vendor.example"];
pub(in super::super) const OTHER_HOMES: [&str; 3] =
    ["auditors.example", "agency.example", "consultants.example"];
